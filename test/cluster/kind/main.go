// Package main is kind as it is released, at the version that go.mod pins.
package main

import "sigs.k8s.io/kind/cmd/kind/app"

func main() {
	app.Main()
}
