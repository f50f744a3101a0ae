package password_test

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"runtime"

	"github.com/durin-go/durin"
	"github.com/durin-go/durin/memstore"
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

// A program that has hashes computed by itself, in a process of low priority. The
// argument is its own choice.
func ExampleServe() {
	if len(os.Args) == 2 && os.Args[1] == "hash-passwords" {
		if err := password.Serve(os.Stdin, os.Stdout); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		return
	}
	self, err := os.Executable()
	if err != nil {
		panic(err)
	}
	hasher, err := password.New(password.Options{
		Workers: runtime.GOMAXPROCS(0), // it leaves cores to others by itself
		Command: func() *exec.Cmd { return exec.Command(self, "hash-passwords") },
	})
	if err != nil {
		panic(err)
	}
	defer hasher.Close()
}

// Users that Durin keeps log in with NewUsers.
func ExampleNewUsers() {
	ctx := context.Background()
	store := memstore.New()
	hasher, err := password.New(password.Options{})
	if err != nil {
		panic(err)
	}
	hash, err := hasher.Hash(ctx, "correct horse")
	if err != nil {
		panic(err)
	}
	if _, err := store.CreateUser(ctx, durin.User{Name: "ada", Password: hash, Active: true}); err != nil {
		panic(err)
	}
	users := password.NewUsers(store, hasher, password.UsersOptions{})

	user, err := users.Authenticate(ctx, "ada", "correct horse")
	fmt.Println(user.Name, err)
	_, err = users.Authenticate(ctx, "nobody", "correct horse")
	fmt.Println(err)
	// Output:
	// ada <nil>
	// Unable to log in with provided credentials.
}

func ExampleCheck() {
	for _, pw := range []durin.Secret{"short", "12345678", "correct horse"} {
		fmt.Println(password.Check(pw, "ada"))
	}
	// Output:
	// password: This password is too short. It must contain at least 8 characters.
	// password: This password is too common.
	// <nil>
}
