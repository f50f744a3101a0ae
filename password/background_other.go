//go:build !linux

package password

// giveWay does nothing: priorities are those of whole processes here.
func giveWay() {}

func isFirstThread() bool { return false }
