#ifndef GITOPS_COMMON_STORE_CONVERT_TESTING_H_
#define GITOPS_COMMON_STORE_CONVERT_TESTING_H_

#include <set>
#include <string>

#include "google/protobuf/message.h"

namespace gitops {

// Sets every field of `message`, each to another value, except those whose full names are in
// `left_out`. Enums get the `turn`th of their values that are not 0, and oneofs the `turn`th of
// their members, over and over.
void Fill(google::protobuf::Message& message, const std::set<std::string>& left_out = {},
          int turn = 0);

// Fills every field of `api`, converts it into `stored` and back, and returns what went wrong, in
// lines: fields of either message that were not carried over, and values of enums that the other
// does not have. Empty: nothing. `not_stored` are full names of API fields
// ("gitops.v1.Deployment.hosts") that are meant to be left out.
std::string ConversionFaults(google::protobuf::Message& api, google::protobuf::Message& stored,
                             const std::set<std::string>& not_stored);

}  // namespace gitops

#endif  // GITOPS_COMMON_STORE_CONVERT_TESTING_H_
