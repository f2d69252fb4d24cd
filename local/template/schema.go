package template

// The structs of this file are the schema: a key that is not here is an error. Tags: s is the key, "required" that it must be there;
// oneof lists the allowed values; min and max bound numbers. Blocks of type any are passed to the cloud untouched and mean nothing to
// the emulator.

type functionProps struct {
	Region                  string            `s:"region,required"`
	FunctionName            string            `s:"functionName,required"`
	Description             string            `s:"description"`
	Runtime                 string            `s:"runtime,required" oneof:"go1 custom custom.debian10 custom.debian11 custom.debian12"`
	Role                    string            `s:"role"`
	Code                    string            `s:"code,required"`
	Handler                 string            `s:"handler"`
	MemorySize              int               `s:"memorySize,required" min:"128" max:"32768"`
	CPU                     float64           `s:"cpu,required" min:"0.05" max:"16"`
	DiskSize                int               `s:"diskSize,required" min:"512" max:"10240"`
	Timeout                 int               `s:"timeout,required" min:"1" max:"86400"`
	InstanceConcurrency     int               `s:"instanceConcurrency" min:"1" max:"200"`
	InternetAccess          bool              `s:"internetAccess"`
	EnvironmentVariables    map[string]string `s:"environmentVariables"`
	CustomRuntimeConfig     *customRuntime    `s:"customRuntimeConfig"`
	InstanceLifecycleConfig *lifecycle        `s:"instanceLifecycleConfig"`
	LogConfig               *logConfig        `s:"logConfig"`
	Triggers                []trigger         `s:"triggers"`

	AsyncInvokeConfig any `s:"asyncInvokeConfig"`
	ConcurrencyConfig any `s:"concurrencyConfig"`
	CustomDNS         any `s:"customDNS"`
	Layers            any `s:"layers"`
	NasConfig         any `s:"nasConfig"`
	OssMountConfig    any `s:"ossMountConfig"`
	ProvisionConfig   any `s:"provisionConfig"`
	ScalingConfig     any `s:"scalingConfig"`
	Tags              any `s:"tags"`
	TracingConfig     any `s:"tracingConfig"`
	VpcConfig         any `s:"vpcConfig"`
}

type customRuntime struct {
	Command           []string `s:"command"`
	Args              []string `s:"args"`
	Port              int      `s:"port" min:"1" max:"65535"`
	HealthCheckConfig any      `s:"healthCheckConfig"`
}

type lifecycle struct {
	Initializer *lifecycleHook `s:"initializer"`
	PreStop     *lifecycleHook `s:"preStop"`
}

type lifecycleHook struct {
	Handler string `s:"handler,required"`
	Timeout int    `s:"timeout,required" min:"1" max:"300"`
}

type logConfig struct {
	Project               string `s:"project,required"`
	Logstore              string `s:"logstore,required"`
	EnableRequestMetrics  bool   `s:"enableRequestMetrics"`
	EnableInstanceMetrics bool   `s:"enableInstanceMetrics"`
	LogBeginRule          string `s:"logBeginRule" oneof:"None DefaultRegex"`
}

type trigger struct {
	TriggerName    string `s:"triggerName,required"`
	TriggerType    string `s:"triggerType,required" oneof:"http timer eventbridge"`
	Description    string `s:"description"`
	Qualifier      string `s:"qualifier,required"`
	InvocationRole string `s:"invocationRole"`
	TriggerConfig  any    `s:"triggerConfig,required"`
}

type httpConfig struct {
	AuthType           string   `s:"authType,required" oneof:"anonymous function jwt"`
	AuthConfig         any      `s:"authConfig"`
	Methods            []string `s:"methods,required" oneof:"GET POST PUT DELETE HEAD PATCH OPTIONS"`
	DisableURLInternet bool     `s:"disableURLInternet"`
}

type timerConfig struct {
	CronExpression string `s:"cronExpression,required"`
	Enable         bool   `s:"enable,required"`
	Payload        string `s:"payload"`
}

type eventbridgeConfig struct {
	TriggerEnable          bool        `s:"triggerEnable,required"`
	AsyncInvocationType    bool        `s:"asyncInvocationType,required"`
	EventRuleFilterPattern string      `s:"eventRuleFilterPattern,required"`
	EventSourceConfig      eventSource `s:"eventSourceConfig,required"`
	EventSinkConfig        eventSink   `s:"eventSinkConfig,required"`
	RunOptions             runOptions  `s:"runOptions,required"`
}

type eventSource struct {
	EventSourceType       string           `s:"eventSourceType,required" oneof:"RocketMQ"`
	EventSourceParameters sourceParameters `s:"eventSourceParameters,required"`
}

type sourceParameters struct {
	RocketMQ rocketMQParameters `s:"sourceRocketMQParameters,required"`
}

type rocketMQParameters struct {
	RegionID                string `s:"RegionId,required"`
	InstanceID              string `s:"InstanceId,required"`
	InstanceType            string `s:"InstanceType,required"`
	InstanceEndpoint        string `s:"InstanceEndpoint,required"`
	InstanceNetwork         string `s:"InstanceNetwork,required" oneof:"PrivateNetwork PublicNetwork"`
	InstanceVpcID           string `s:"InstanceVpcId"`
	InstanceVSwitchIDs      string `s:"InstanceVSwitchIds"`
	InstanceSecurityGroupID string `s:"InstanceSecurityGroupId"`
	AuthType                string `s:"AuthType"`
	InstanceUsername        string `s:"InstanceUsername"`
	InstancePassword        string `s:"InstancePassword"`
	Topic                   string `s:"Topic,required"`
	GroupID                 string `s:"GroupID,required"`
	Tag                     string `s:"Tag"`
	FilterType              string `s:"FilterType" oneof:"Tag"`
	Offset                  string `s:"Offset,required" oneof:"CONSUME_FROM_LAST_OFFSET CONSUME_FROM_FIRST_OFFSET CONSUME_FROM_TIMESTAMP"`
	Timestamp               int    `s:"Timestamp"`
}

type eventSink struct {
	DeliveryOption deliveryOption `s:"deliveryOption,required"`
}

type deliveryOption struct {
	EventSchema string `s:"eventSchema,required" oneof:"CloudEvents RawData"`
}

type runOptions struct {
	Mode            string          `s:"mode,required" oneof:"event-streaming"`
	ErrorsTolerance string          `s:"errorsTolerance,required" oneof:"NONE ALL"`
	RetryStrategy   retryStrategy   `s:"retryStrategy,required"`
	DeadLetterQueue deadLetterQueue `s:"deadLetterQueue,required"`
	BatchWindow     batchWindow     `s:"batchWindow,required"`
}

type retryStrategy struct {
	PushRetryStrategy string `s:"PushRetryStrategy,required" oneof:"BACKOFF_RETRY EXPONENTIAL_DECAY_RETRY"`
}

type deadLetterQueue struct {
	Arn string `s:"Arn,required"`
}

type batchWindow struct {
	CountBasedWindow int `s:"CountBasedWindow,required" min:"1" max:"10000"`
	TimeBasedWindow  int `s:"TimeBasedWindow,required" min:"0" max:"15"`
}

type domainProps struct {
	Region      string      `s:"region,required"`
	DomainName  string      `s:"domainName,required"`
	Protocol    string      `s:"protocol,required" oneof:"HTTP HTTPS HTTP,HTTPS"`
	CertConfig  any         `s:"certConfig"`
	TLSConfig   any         `s:"tlsConfig"`
	WafConfig   any         `s:"wafConfig"`
	AuthConfig  any         `s:"authConfig"`
	AutoCName   bool        `s:"autoCName"`
	RouteConfig routeConfig `s:"routeConfig,required"`
}

type routeConfig struct {
	Routes []routeProps `s:"routes,required"`
}

type routeProps struct {
	Path         string   `s:"path,required"`
	FunctionName string   `s:"functionName,required"`
	Qualifier    string   `s:"qualifier"`
	Methods      []string `s:"methods" oneof:"GET POST PUT DELETE HEAD PATCH OPTIONS"`
}

// varsSection is what the emulator reads from vars; the file may have more there.
type varsSection struct {
	StreamConcurrency int                   `s:"streamConcurrency,required" min:"1" max:"64"`
	Topics            map[string]topicProps `s:"topics,required"`
	Groups            map[string]string     `s:"groups,required"`
}

type topicProps struct {
	Name string `s:"name,required"`
	Type string `s:"type,required" oneof:"NORMAL FIFO DELAY TRANSACTION"`
}
