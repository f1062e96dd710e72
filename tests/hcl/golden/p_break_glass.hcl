break_glass "okta" { users = ["root@example.com"] }
break_glass "okta.eu" {
  users = [
    "root@example.com",
  ]
}
