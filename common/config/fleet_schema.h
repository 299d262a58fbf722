#ifndef GITOPS_COMMON_CONFIG_FLEET_SCHEMA_H_
#define GITOPS_COMMON_CONFIG_FLEET_SCHEMA_H_

#include <string>

namespace gitops {

// The JSON schema (draft-07) of fleet configs, for editors. It has the tables and keys with their
// kinds of values; what a value may be is checked by `gitopsctl config check` alone. Keys are those
// of lower case, although the reader takes any. docs/reference/fleet-config.schema.json is this
// text.
std::string FleetSchema();

}  // namespace gitops

#endif  // GITOPS_COMMON_CONFIG_FLEET_SCHEMA_H_
