// SPDX-License-Identifier: MIT

// usage: write_and_run IMAGE DIRECTORY THREADS ROUNDS [FLAG]
// Goroutines that each write an executable, close it and run it. FLAG, a number, is given
// to os.OpenFile besides; it is in no package of Go's. Prints how many of the rounds ended
// in ETXTBSY.
package main

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"sync"
	"sync/atomic"
	"syscall"
)

func must(err error) {
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func number(text string) int {
	value, err := strconv.ParseInt(text, 0, 64)
	must(err)
	return int(value)
}

func writeProgram(path string, image []byte, flag int) {
	file, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL|flag, 0755)
	must(err)
	_, err = file.Write(image)
	must(err)
	must(file.Close())
}

func main() {
	if len(os.Args) != 5 && len(os.Args) != 6 {
		fmt.Fprintln(os.Stderr, "usage: write_and_run IMAGE DIRECTORY THREADS ROUNDS [FLAG]")
		os.Exit(2)
	}
	image, err := os.ReadFile(os.Args[1])
	must(err)
	rounds := int64(number(os.Args[4]))
	flag := 0
	if len(os.Args) == 6 {
		flag = number(os.Args[5])
	}

	var played, busy int64
	var threads sync.WaitGroup
	for each := 0; each < number(os.Args[3]); each++ {
		threads.Add(1)
		go func() {
			defer threads.Done()
			for round := atomic.AddInt64(&played, 1); round <= rounds; round = atomic.AddInt64(&played, 1) {
				path := filepath.Join(os.Args[2], strconv.FormatInt(round, 10))
				writeProgram(path, image, flag)
				err := exec.Command(path).Run()
				if errors.Is(err, syscall.ETXTBSY) {
					atomic.AddInt64(&busy, 1)
				} else {
					must(err)
				}
				must(os.Remove(path))
			}
		}()
	}
	threads.Wait()
	fmt.Println(busy)
}
