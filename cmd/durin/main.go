// Command durin is token authentication per API client, in one binary.
package main

func main() {}
