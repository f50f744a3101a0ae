package audit

import "slices"

// An Action says what was done.
type Action string

// The actions. What is added here is added to the list in docs/audit.md as well:
// a test compares them.
const (
	Login       Action = "login"        // by password
	LoginFailed Action = "login.failed" // details: count, if several are one row
	LoginUnlock Action = "login.unlock" // the locks of an account were lifted
	Logout      Action = "logout"
	LogoutAll   Action = "logout.all"

	TokenIssue   Action = "token.issue"
	TokenRenew   Action = "token.renew"
	TokenRevoke  Action = "token.revoke"
	TokenReplace Action = "token.replace" // ended to make room for a new one
	TokenReplay  Action = "token.replay"  // a replaced token was presented too late
	TokenPrune   Action = "token.prune"   // expired ones deleted by a command
	KeyCreate    Action = "apikey.create"
	KeyDelete    Action = "apikey.delete"

	ClientCreate Action = "client.create"
	ClientUpdate Action = "client.update"
	ClientDelete Action = "client.delete"

	UserCreate     Action = "user.create"
	UserUpdate     Action = "user.update"
	UserPassword   Action = "user.password"
	UserActivate   Action = "user.activate"
	UserDeactivate Action = "user.deactivate"
	UserDelete     Action = "user.delete"

	ResourceCreate Action = "resource.create"
	ResourceDelete Action = "resource.delete"

	Import        Action = "import"
	KeyringCreate Action = "keyring.create"
	KeyringRotate Action = "keyring.rotate"
	ServerStart   Action = "server.start" // details: the settings
	ServerStop    Action = "server.stop"

	// Of the log itself.
	Anchor  Action = "audit.anchor"  // details: the heads of other chains
	Prune   Action = "audit.prune"   // old rows were deleted
	Dropped Action = "audit.dropped" // rows that found no room in memory
	Broken  Action = "audit.broken"  // the end of the chain was not as it was left
	Rekeyed Action = "audit.key"     // rows bear another key from here on
)

var actions = []Action{
	Login, LoginFailed, LoginUnlock, Logout, LogoutAll, TokenIssue, TokenRenew, TokenRevoke, TokenReplace, TokenReplay, TokenPrune, KeyCreate, KeyDelete,
	ClientCreate, ClientUpdate, ClientDelete, UserCreate, UserUpdate, UserPassword, UserActivate, UserDeactivate, UserDelete,
	ResourceCreate, ResourceDelete, Import, KeyringCreate, KeyringRotate, ServerStart, ServerStop, Anchor, Prune, Dropped, Broken, Rekeyed,
}

// Actions are all of them, in the order of the documentation.
func Actions() []Action { return slices.Clone(actions) }
