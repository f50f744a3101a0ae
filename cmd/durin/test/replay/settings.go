package replay

import (
	"fmt"
	"strconv"
)

// flags are the settings of serve that stand for s.
func (s Settings) flags() []string {
	var flags []string
	set := func(name string, value any) { flags = append(flags, "--"+name+"="+text(value)) }
	setting := func(key string, standard any) any {
		if value, ok := s.Durin[key]; ok {
			return value
		}
		return standard
	}
	set("auth-scheme", setting("AUTH_HEADER_PREFIX", "Token"))
	set("api-access-client", setting("API_ACCESS_CLIENT_NAME", "apikey"))
	for key, flag := range map[string]string{
		"REFRESH_TOKEN_ON_LOGIN": "refresh-on-login", "API_ACCESS_EXCLUDE_FROM_SESSIONS": "api-access-hide-session",
		"API_ACCESS_RESPONSE_INCLUDE_TOKEN": "api-access-show-token",
	} {
		if setting(key, false) == true {
			set(flag, true)
		}
	}
	if setting("USER_SERIALIZER", nil) != nil {
		set("login-user", true)
	}
	for key, flag := range map[string]string{"DEFAULT_TOKEN_TTL": "token-ttl", "TOKEN_CACHE_TIMEOUT": "cache-ttl"} {
		switch value := setting(key, nil).(type) {
		case nil:
		case float64: // seconds
			set(flag, text(value)+"s")
		default:
			set(flag, value)
		}
	}
	if value := setting("TOKEN_CHARACTER_LENGTH", nil); value != nil {
		set("token-length", value)
	}
	if value := setting("EXPIRY_DATETIME_FORMAT", "iso-8601"); value != nil {
		set("expiry-format", value)
	} else {
		set("expiry-format", "none")
	}
	if rate := s.rate(); rate != "" {
		set("throttle", rate)
	}
	if s.TimeZone != "" {
		set("timezone", s.TimeZone)
	}
	return flags
}

// rate is the rate of clients that have none of their own.
func (s Settings) rate() string {
	rates, ok := s.Framework["DEFAULT_THROTTLE_RATES"]
	if !ok {
		return "2/m"
	}
	named, _ := rates.(map[string]any)
	return text(named["user_per_client"])
}

func text(value any) string {
	switch value := value.(type) {
	case nil:
		return ""
	case float64:
		return strconv.FormatFloat(value, 'f', -1, 64)
	default:
		return fmt.Sprint(value)
	}
}
