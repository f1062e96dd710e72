removed {
from=okta_group.a
lifecycle { destroy=false }
}
