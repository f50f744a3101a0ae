package password_test

import (
	"context"
	"fmt"

	"github.com/durin-go/durin/password"
)

func ExampleHasher() {
	ctx := context.Background()
	hasher, err := password.New(password.Options{})
	if err != nil {
		panic(err)
	}
	// As Django keeps it.
	got, err := hasher.Verify(ctx, "lètmein", "sha1$seasalt$cff36ea83f5706ce9aa7454e63e431fc726b2dc8")
	fmt.Println(got.OK, got.Weak, err)

	encoded, err := hasher.Hash(ctx, "lètmein")
	fmt.Println(password.Kind(encoded), err)
	// Output:
	// true true <nil>
	// argon2id <nil>
}
