// Times decisions of OPA in this process: no HTTP, a prepared query, inputs parsed beforehand.
//
// Arguments: policy.rego, data.json, requests.json. Reads a number of decisions per line and answers each line with
// one JSON line: {"nanoseconds": per decision, "allowed": how many were}.
package main

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"log"
	"os"
	"strconv"
	"strings"
	"time"

	"github.com/open-policy-agent/opa/v1/ast"
	"github.com/open-policy-agent/opa/v1/rego"
	"github.com/open-policy-agent/opa/v1/storage/inmem"
)

func read(path string, into any) {
	bytes, err := os.ReadFile(path)
	if err == nil {
		err = json.Unmarshal(bytes, into)
	}
	if err != nil {
		log.Fatal(err)
	}
}

func prepare(ctx context.Context, policyFile, dataFile string) rego.PreparedEvalQuery {
	policy, err := os.ReadFile(policyFile)
	if err != nil {
		log.Fatal(err)
	}
	var data map[string]any
	read(dataFile, &data)
	query, err := rego.New(
		rego.Query("data.latchkey.allow"),
		rego.Module("policy.rego", string(policy)),
		rego.Store(inmem.NewFromObjectWithOpts(data, inmem.OptReturnASTValuesOnRead(true))),
	).PrepareForEval(ctx)
	if err != nil {
		log.Fatal(err)
	}
	return query
}

func inputs(file string) []ast.Value {
	var requests []any
	read(file, &requests)
	values := make([]ast.Value, len(requests))
	for at, request := range requests {
		value, err := ast.InterfaceToValue(request)
		if err != nil {
			log.Fatal(err)
		}
		values[at] = value
	}
	return values
}

func main() {
	if len(os.Args) != 4 {
		log.Fatal("usage: decide policy.rego data.json requests.json")
	}
	ctx := context.Background()
	query := prepare(ctx, os.Args[1], os.Args[2])
	requests := inputs(os.Args[3])
	lines := bufio.NewScanner(os.Stdin)
	for lines.Scan() {
		count, err := strconv.Atoi(strings.TrimSpace(lines.Text()))
		if err != nil || count < 1 {
			log.Fatalf("not a number of decisions: %q", lines.Text())
		}
		allowed := 0
		begun := time.Now()
		for at := range count {
			results, err := query.Eval(ctx, rego.EvalParsedInput(requests[at%len(requests)]))
			if err != nil {
				log.Fatal(err)
			}
			if results.Allowed() {
				allowed++
			}
		}
		nanoseconds := float64(time.Since(begun).Nanoseconds()) / float64(count)
		fmt.Printf("{\"nanoseconds\": %.1f, \"allowed\": %d}\n", nanoseconds, allowed)
	}
}
