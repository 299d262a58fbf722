#ifndef GITOPS_COMMON_CONFIG_FLEET_TABLES_H_
#define GITOPS_COMMON_CONFIG_FLEET_TABLES_H_

#include "common/config/key_info.h"

namespace gitops {

// The tables of a fleet config with their keys, for the JSON schema. Those of services are made of
// ServiceKeys(); fleet_schema_test.cc compares all with the keys that the reader knows.
const TableInfo& RootTable();

}  // namespace gitops

#endif  // GITOPS_COMMON_CONFIG_FLEET_TABLES_H_
