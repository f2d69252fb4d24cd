package message

import "time"

// HastenBeats shortens the pause between heartbeats. Call it before ServeChecks.
func (c *Client) HastenBeats(pause time.Duration) { c.pause = pause }
