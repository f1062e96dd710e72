/* x */ a    = 1
/* y */ long = 2
