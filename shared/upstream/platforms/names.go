package platforms

// Names are all platforms that this build knows, whether or not they are configured.
func Names() []string {
	names := make([]string, len(known))
	for i, k := range known {
		names[i] = k.Name
	}
	return names
}
