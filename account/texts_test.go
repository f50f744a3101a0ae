package account_test

import (
	"testing"

	"github.com/durin-go/durin/internal/pages/textstest"
)

func TestTexts(t *testing.T) { textstest.Check(t, ".") }
