variable "role_name" {
  type        = string
  description = "Name of the role that workflows assume."

  validation {
    condition     = can(regex("^[A-Za-z0-9_+=,.@-]{1,64}$", var.role_name))
    error_message = "A role's name has 1 to 64 letters, digits and the characters + = , . @ _ -."
  }
}

variable "subjects" {
  type        = set(string)
  description = "Which workflows may assume it, as GitHub names them: repo:OWNER/REPOSITORY:environment:NAME, :ref:refs/heads/BRANCH or :pull_request."

  validation {
    condition     = length(var.subjects) > 0
    error_message = "Name at least one subject, such as repo:acme/api:environment:production."
  }

  validation {
    condition     = alltrue([for s in var.subjects : can(regex("^repo:[A-Za-z0-9_.-]+/[A-Za-z0-9_.-]+:[^*?]+$", s))])
    error_message = "A subject is repo:OWNER/REPOSITORY:REST without * or ?: with a wildcard, pull requests and other branches get in, too."
  }
}

variable "policy_arns" {
  type        = set(string)
  default     = []
  description = "Managed policies that the role gets: what the workflows may do."

  validation {
    condition     = alltrue([for arn in var.policy_arns : can(regex("^arn:[a-z-]+:iam::(aws|[0-9]{12}):policy/.+$", arn))])
    error_message = "A managed policy's ARN looks like arn:aws:iam::aws:policy/ReadOnlyAccess."
  }
}

variable "provider_arn" {
  type        = string
  default     = null
  description = "ARN of GitHub's OpenID Connect provider where the account has it already; by default the module makes it. An account has one."

  validation {
    condition     = var.provider_arn == null || can(regex("^arn:[a-z-]+:iam::[0-9]{12}:oidc-provider/token\\.actions\\.githubusercontent\\.com$", var.provider_arn))
    error_message = "The ARN ends with :oidc-provider/token.actions.githubusercontent.com."
  }
}

variable "max_session_duration" {
  type        = number
  default     = 3600
  description = "Seconds that a session may last."

  validation {
    condition     = var.max_session_duration >= 3600 && var.max_session_duration <= 43200
    error_message = "A session lasts from 3600 to 43200 seconds."
  }
}
