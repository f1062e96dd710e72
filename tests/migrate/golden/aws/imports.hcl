# The objects of Terraform's state. Delete this file once they are imported.

import {
  to = aws_iam_user.robot["backup"]
  id = "robot-backup"
}

import {
  to = aws_iam_user.robot["ci"]
  id = "robot-ci"
}

import {
  to = aws_iam_access_key.ci
  id = "AKIAEXAMPLE000000001"
}

import {
  to = aws_iam_user_policy_attachment.read[0]
  id = "robot-backup/arn:aws:iam::aws:policy/ReadOnlyAccess"
}

import {
  to = aws_iam_role.deploy
  id = "deploy"
}

import {
  to = aws_iam_role.audit
  id = "audit-2024"
}

import {
  to = aws_iam_role_policy_attachment.deploy
  id = "deploy/arn:aws:iam::123456789012:policy/deploy"
}
