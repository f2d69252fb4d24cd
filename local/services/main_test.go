package services

import (
	"fmt"
	"os"
	"os/exec"
	"testing"
)

// envVictim makes the test program a process that runs two services under the directory it names and waits to be killed.
const envVictim = "QIANFAN_TEST_SERVICES_VICTIM"

func TestMain(m *testing.M) {
	dir := os.Getenv(envVictim)
	if dir == "" {
		os.Exit(m.Run())
	}
	if err := beVictim(dir); err != nil {
		fmt.Println("cannot start:", err)
		os.Exit(1)
	}
	select {}
}

// beVictim starts a leader and a second process in its group, as RocketMQ does, and prints their pids.
func beVictim(dir string) error {
	h, err := newHome(dir, "victim")
	if err != nil {
		return err
	}
	leader, err := launch("leader", exec.Command("sleep", "600"), 0, nil)
	if err != nil {
		return err
	}
	h.guardian.Watch(leader.pid())
	second, err := launch("second", exec.Command("sleep", "600"), leader.pid(), nil)
	if err != nil {
		return err
	}
	fmt.Println(leader.pid(), second.pid())
	return nil
}
