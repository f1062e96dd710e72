run "plan_it" {
  command = plan
  variables {
    x    = 1
    long = { y = 2 }
  }
  assert {
    condition     = output.x == 1
    error_message = "no"
  }
  expect_failures = [var.x]
}
