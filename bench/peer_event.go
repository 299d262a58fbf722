// The yardstick of the gateway's benchmark: an HTTP handler that checks the signature of a Flux event and parses it,
// but stores nothing. Prints its address.
//
//	peer_event KEY_FILE
package main

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"os"
	"strings"
	"time"
)

type event struct {
	InvolvedObject struct {
		Kind       string `json:"kind"`
		Namespace  string `json:"namespace"`
		Name       string `json:"name"`
		UID        string `json:"uid"`
		APIVersion string `json:"apiVersion"`
	} `json:"involvedObject"`
	Severity            string            `json:"severity"`
	Timestamp           time.Time         `json:"timestamp"`
	Message             string            `json:"message"`
	Reason              string            `json:"reason"`
	Metadata            map[string]string `json:"metadata"`
	ReportingController string            `json:"reportingController"`
}

func main() {
	key, err := os.ReadFile(os.Args[1])
	if err != nil {
		log.Fatal(err)
	}
	http.HandleFunc("/event", func(answer http.ResponseWriter, request *http.Request) {
		body, err := io.ReadAll(http.MaxBytesReader(answer, request.Body, 1<<20))
		if err != nil {
			http.Error(answer, "unreadable body", http.StatusBadRequest)
			return
		}
		signature, err := hex.DecodeString(strings.TrimPrefix(request.Header.Get("X-Signature"), "sha256="))
		mac := hmac.New(sha256.New, key)
		mac.Write(body)
		if err != nil || !hmac.Equal(signature, mac.Sum(nil)) {
			http.Error(answer, "wrong signature", http.StatusUnauthorized)
			return
		}
		var parsed event
		if json.Unmarshal(body, &parsed) != nil || parsed.Metadata["revision"] == "" {
			http.Error(answer, "not an event", http.StatusBadRequest)
			return
		}
		answer.WriteHeader(http.StatusAccepted)
	})
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(listener.Addr())
	log.Fatal(http.Serve(listener, nil))
}
