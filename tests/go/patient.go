// A program with pprof and a few metrics of Go's Prometheus client, which falls ill on demand:
// GET /leak lets its heap grow, /block starts goroutines that wait for ever, /cure ends both.
package main

import (
	"fmt"
	"net/http"
	_ "net/http/pprof"
	"os"
	"runtime"
	"sync"
	"time"
)

var (
	mutex  sync.Mutex
	kept   [][]byte
	cure   chan struct{}
	growth bool
)

// growCache is what should be seen in the heap.
func growCache() {
	for {
		mutex.Lock()
		if !growth {
			mutex.Unlock()
			return
		}
		kept = append(kept, make([]byte, 1<<20))
		for i := 0; i < len(kept[len(kept)-1]); i += 4096 {
			kept[len(kept)-1][i] = 1
		}
		full := len(kept) >= 200
		mutex.Unlock()
		if full {
			return
		}
		time.Sleep(20 * time.Millisecond)
	}
}

// waitForReply is what should be seen among the goroutines.
func waitForReply(done chan struct{}) {
	<-done
}

func metrics(w http.ResponseWriter, _ *http.Request) {
	var stats runtime.MemStats
	runtime.ReadMemStats(&stats)
	fmt.Fprintf(w, "# TYPE go_goroutines gauge\ngo_goroutines %d\n", runtime.NumGoroutine())
	fmt.Fprintf(w, "# TYPE go_memstats_heap_inuse_bytes gauge\ngo_memstats_heap_inuse_bytes %d\n", stats.HeapInuse)
	fmt.Fprintf(w, "# TYPE go_memstats_heap_alloc_bytes gauge\ngo_memstats_heap_alloc_bytes %d\n", stats.HeapAlloc)
}

func main() {
	runtime.MemProfileRate = 64 << 10
	http.HandleFunc("/metrics", metrics)
	http.HandleFunc("/leak", func(http.ResponseWriter, *http.Request) {
		mutex.Lock()
		growth = true
		mutex.Unlock()
		go growCache()
	})
	http.HandleFunc("/block", func(http.ResponseWriter, *http.Request) {
		mutex.Lock()
		cure = make(chan struct{})
		mutex.Unlock()
		for i := 0; i < 3000; i++ {
			go waitForReply(cure)
		}
	})
	http.HandleFunc("/cure", func(http.ResponseWriter, *http.Request) {
		mutex.Lock()
		growth, kept = false, nil
		if cure != nil {
			close(cure)
			cure = nil
		}
		mutex.Unlock()
		runtime.GC()
	})
	if err := http.ListenAndServe(os.Args[1], nil); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}
