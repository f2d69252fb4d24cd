// Package scenario plays small deterministic pieces on the whole emulator: real processes,
// the embedded broker, a real SQL server. A file says who does what and when, and what must
// have come of it; docs/scenarios.md describes the format.
//
// The clock stands while a scenario is played: virtual time passes only where a step lets
// it, from timer to timer, and riders all take the same times. So a scenario comes out the
// same every time, on a slow machine and on a fast one.
package scenario
