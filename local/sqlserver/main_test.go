package sqlserver

import (
	"context"
	"fmt"
	"os"
	"testing"
)

// envVictim makes the test program a process that starts a server under the directory it names and waits to be killed.
const envVictim = "QIANFAN_TEST_SQL_VICTIM"

func TestMain(m *testing.M) {
	dir := os.Getenv(envVictim)
	if dir == "" {
		os.Exit(m.Run())
	}
	s, err := Start(context.Background(), Options{Dir: dir, Durability: Relaxed})
	if err != nil {
		fmt.Println("cannot start:", err)
		os.Exit(1)
	}
	fmt.Println(s.running().group())
	select {}
}
