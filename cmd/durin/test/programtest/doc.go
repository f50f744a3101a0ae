// Package programtest lets tests use the program as people do: they run its
// commands, start its server as a process of its own, send it requests, read
// what it writes, stop it and kill it.
//
// Which file is the program is for the test to say. Itself is the test's own
// binary, which is there at once and has the race detector when the test has
// it; Build compiles the program as it is released, for tests that want its
// speed or several versions of it. Both want TestMain to call Main, or Run.
//
//	func TestMain(m *testing.M) { programtest.Main(m) }
//
//	func TestLogin(t *testing.T) {
//		s := &programtest.Server{T: t, Program: programtest.Itself(t), Dir: t.TempDir()}
//		s.Prepare()
//		s.Start()
//		token := s.Login("web")
//		s.Do("POST", "/api/auth/logout/", token, nil).Want(t, "log out", 204)
//		s.Stop()
//	}
package programtest
