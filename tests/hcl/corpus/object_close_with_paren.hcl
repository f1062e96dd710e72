a = jsonencode({
Statement = [{
Effect = "Allow"
Action = ["s3:Get*"]
}]
})
