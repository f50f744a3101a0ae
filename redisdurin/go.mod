module github.com/durin-go/durin/redisdurin

go 1.26.0

replace github.com/durin-go/durin => ..

require (
	github.com/durin-go/durin v0.0.0
	github.com/redis/rueidis v1.0.79
)

require (
	golang.org/x/sys v0.49.0 // indirect
	golang.org/x/text v0.43.0 // indirect
)
