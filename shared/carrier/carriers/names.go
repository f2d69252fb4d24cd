package carriers

// Names are all carriers that this build knows, whether or not they are configured.
func Names() []string {
	names := make([]string, len(known))
	for i, k := range known {
		names[i] = k.Name
	}
	return names
}

// Variables are the environment variables that hold the carriers' settings, in the order of Names.
func Variables() []string {
	variables := make([]string, len(known))
	for i, k := range known {
		variables[i] = k.Variable
	}
	return variables
}

// Variable is the environment variable that holds a carrier's settings; "" of a carrier that nobody knows.
func Variable(name string) string {
	for _, k := range known {
		if k.Name == name {
			return k.Variable
		}
	}
	return ""
}
