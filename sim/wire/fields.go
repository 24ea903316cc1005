package wire

// NativeFields returns the place of each field of the native format in the order of the decoder, objects as well as what is in
// them, e.g. "device", "device.id", "events[].web.domain".
func NativeFields() (fields []string) {
	for _, s := range []*shape{
		&uploadShape, &deviceShape, &idShape, &cpuShape, &accountShape, &appShape, &eventShape, &detectionShape, &webShape, &connShape,
		&eventAppShape, &memoryShape, &crashShape, &feedbackShape, &diagShape, &appUsageShape, &cpuUsageShape, &netUsageShape, &featuresShape,
	} {
		for _, name := range s.names {
			if s.path != "" {
				name = s.path + "." + name
			}
			fields = append(fields, name)
		}
	}
	return fields
}
