package target

import (
	"context"
	"fmt"
	"strconv"
	"strings"

	"github.com/durin-go/durin"
	"github.com/durin-go/durin/bench/internal/dataset"
)

// LoginBody is the body of a login of the user with that id.
func LoginBody(user int, password string) string {
	return fmt.Sprintf(`{"username":%q,"password":%q,"client":"web"}`, dataset.UserName(user), password)
}

// Free lets every user of a dataset in, whatever the password: what a login
// costs beside the hash.
type Free struct{}

// Authenticate implements durin.Authenticator.
func (Free) Authenticate(_ context.Context, name string, _ durin.Secret) (durin.User, error) {
	digits, _, _ := strings.Cut(strings.TrimPrefix(name, "user-"), "@")
	id, err := strconv.Atoi(digits)
	if err != nil {
		return durin.User{}, durin.ErrBadCredentials
	}
	return durin.User{ID: strconv.Itoa(id), Name: name, Active: true}, nil
}
