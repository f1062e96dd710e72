resource "aws_iam_role" "r" {
name="r"
assume_role_policy=jsonencode({
Version="2012-10-17"
Statement=[{
Effect="Allow"
Principal={AWS="arn:aws:iam::${var.account}:root"}
Action="sts:AssumeRole"
Condition={StringEquals={"sts:ExternalId"=var.external_id}}
}]
})
tags=merge(local.tags,{Name="r"})
}
