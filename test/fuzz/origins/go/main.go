// A server on net/http that answers with what it saw. Usage: origin SOCKET
package main

import (
	"encoding/base64"
	"encoding/json"
	"io"
	"log"
	"net"
	"net/http"
	"os"
	"strconv"
)

type seen struct {
	Method   string      `json:"method"`
	Target   string      `json:"target"`
	Fields   [][2]string `json:"fields"`
	Body     string      `json:"body"`
	Trailers int         `json:"trailers"`
}

// One character per byte: bytes beyond ASCII would not survive JSON.
func latin1(bytes string) string {
	runes := make([]rune, len(bytes))
	for i := range len(bytes) {
		runes[i] = rune(bytes[i])
	}
	return string(runes)
}

func answer(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(r.Body)
	if err != nil {
		panic(http.ErrAbortHandler)
	}
	fields := [][2]string{{"Host", latin1(r.Host)}}
	for name, values := range r.Header {
		for _, value := range values {
			fields = append(fields, [2]string{name, latin1(value)})
		}
	}
	said, err := json.Marshal(seen{r.Method, latin1(r.RequestURI), fields, latin1(string(body)), len(r.Trailer)})
	if err != nil {
		panic(err)
	}
	text := base64.StdEncoding.EncodeToString(said)
	if r.Method == http.MethodHead {
		w.Header().Set("Seen-Request", text)
	}
	w.Header().Set("Content-Length", strconv.Itoa(len(text)))
	io.WriteString(w, text)
}

func main() {
	listener, err := net.Listen("unix", os.Args[1])
	if err != nil {
		log.Fatal(err)
	}
	server := &http.Server{Handler: http.HandlerFunc(answer), ErrorLog: log.New(io.Discard, "", 0)}
	log.Fatal(server.Serve(listener))
}
