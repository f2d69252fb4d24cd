// Package console is the emulator's control API, as JSON over HTTP, and the page on top of it. It shows and changes the running
// system through what it is given (Deps) and keeps nothing itself. It answers loopback names only: whoever reaches it may order,
// cancel, move the clock and spoil calls.
//
// Every error is {"error","hint"}: what is wrong, and what to do about it.
package console
