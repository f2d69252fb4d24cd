package deploy

import "encoding/json"

// The structs of this file hold what the rules between resources need; the schema knows every key.

type fileShape struct {
	Vars      varsShape                `json:"vars"`
	Resources map[string]resourceShape `json:"resources"`
}

type varsShape struct {
	Topics map[string]struct {
		Name string `json:"name"`
		Type string `json:"type"`
	} `json:"topics"`
	Groups map[string]string `json:"groups"`

	StreamConcurrency int `json:"streamConcurrency"` // batches of one stream that may be with a function at a time

	Limits struct {
		Instances        int `json:"instances"`
		MySQLConnections int `json:"mysqlConnections"`
		EventStreams     int `json:"eventStreams"`
	} `json:"limits"`
}

type resourceShape struct {
	Component string          `json:"component"`
	Props     json.RawMessage `json:"props"`
}

// function is a resource of the component fc3.
type function struct {
	at string // path of its props
	functionShape
}

type functionShape struct {
	Name        string         `json:"functionName"`
	Region      string         `json:"region"`
	Runtime     string         `json:"runtime"`
	MemorySize  float64        `json:"memorySize"` // MB
	CPU         float64        `json:"cpu"`
	Environment map[string]any `json:"environmentVariables"` // values other than texts are the schema's business
	Concurrency struct {
		Reserved int `json:"reservedConcurrency"` // instances
	} `json:"concurrencyConfig"`
	Scaling struct {
		MinInstances int      `json:"minInstances"`
		Policies     []policy `json:"scheduledPolicies"`
	} `json:"scalingConfig"`
	Triggers []trigger `json:"triggers"`
}

type policy struct {
	Name   string `json:"name"`
	Target int    `json:"target"` // instances
	Start  string `json:"startTime"`
	End    string `json:"endTime"`
}

type trigger struct {
	Name   string `json:"triggerName"`
	Type   string `json:"triggerType"` // http, timer, eventbridge
	Config struct {
		Source struct {
			Parameters struct {
				RocketMQ struct {
					Region   string `json:"RegionId"`
					Instance string `json:"InstanceId"`
					Topic    string `json:"Topic"`
					Group    string `json:"GroupID"`
				} `json:"sourceRocketMQParameters"`
			} `json:"eventSourceParameters"`
		} `json:"eventSourceConfig"`
		Run struct {
			DeadLetters struct {
				ARN string `json:"Arn"`
			} `json:"deadLetterQueue"`
		} `json:"runOptions"`
	} `json:"triggerConfig"`
}

// domain is a resource of the component fc3-domain.
type domain struct {
	at string // path of its props
	domainShape
}

type domainShape struct {
	RouteConfig struct {
		Routes []struct {
			Path     string `json:"path"`
			Function string `json:"functionName"`
		} `json:"routes"`
	} `json:"routeConfig"`
}
