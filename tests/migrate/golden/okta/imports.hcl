# The objects of Terraform's state. Delete this file once they are imported.

import {
  to = okta_app.crm
  id = "0oacrm"
}

import {
  to = okta_app_group_assignment.crm_employees
  id = "0oacrm/00gemployees"
}

import {
  to = okta_app_group_assignment.crm_sales
  id = "0oacrm/00gsales"
}

import {
  to = okta_app_scope_grant.crm
  id = "0oacrm"
}

import {
  to = okta_group.employees
  id = "00gemployees"
}

import {
  to = okta_group.sales
  id = "00gsales"
}

import {
  to = okta_group_membership.sales["00ujdoe"]
  id = "00gsales/00ujdoe"
}

import {
  to = okta_user.tan
  id = "00uatan"
}

import {
  to = okta_group_membership.employees["00uatan"]
  id = "00gemployees/00uatan"
}

import {
  to = okta_group_membership.employees["00ujdoe"]
  id = "00gemployees/00ujdoe"
}

import {
  to = okta_global_session_policy.strict
  id = "00pstrict"
}

import {
  to = okta_global_session_policy.office
  id = "00poffice"
}
