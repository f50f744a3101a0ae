package memstore_test

import (
	"testing"

	"github.com/durin-go/durin"
	"github.com/durin-go/durin/memstore"
	"github.com/durin-go/durin/storetest"
)

func TestStore(t *testing.T) {
	storetest.Options{Repeat: 5}.Run(t, func(*testing.T) durin.Store { return memstore.New() })
}
