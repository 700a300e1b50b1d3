// SPDX-License-Identifier: MIT

// usage: spawn_go DESCRIPTORS RESIDENT_MIB PROGRAM
// For each line on standard input: spawn the program, wait, tell the nanoseconds.
package main

import (
	"bufio"
	"fmt"
	"os"
	"os/exec"
	"strconv"
	"syscall"
	"time"
)

func number(text string) int {
	value, err := strconv.Atoi(text)
	if err != nil {
		panic(err)
	}
	return value
}

func main() {
	var limit syscall.Rlimit
	syscall.Getrlimit(syscall.RLIMIT_NOFILE, &limit)
	limit.Cur = limit.Max
	syscall.Setrlimit(syscall.RLIMIT_NOFILE, &limit)
	for open := 3; open < number(os.Args[1]) && open < int(limit.Max)-16; open++ {
		syscall.Open("/dev/null", syscall.O_RDONLY|syscall.O_CLOEXEC, 0)
	}
	memory := make([]byte, number(os.Args[2])<<20)
	for offset := 0; offset < len(memory); offset += 4096 {
		memory[offset] = 1
	}
	for lines := bufio.NewScanner(os.Stdin); lines.Scan(); {
		start := time.Now()
		if err := exec.Command(os.Args[3]).Run(); err != nil {
			panic(err)
		}
		fmt.Println(time.Since(start).Nanoseconds())
	}
	_ = memory[0]
}
