"""Statistics of paired predictions: functions of counts and arrays, without knowledge of suites, slices or files."""
