#ifndef GITOPS_SERVICES_PROMOTION_RECEIVER_TESTING_PROVIDER_JSON_H_
#define GITOPS_SERVICES_PROMOTION_RECEIVER_TESTING_PROVIDER_JSON_H_

#include <map>
#include <string>

#include "common/json/json.h"
#include "services/promotion_receiver/testing/fake_provider.h"

namespace gitops {

// Helper functions of fake_provider.cc: the forms of each provider's documentation.

std::string ClonePath(Provider provider);
std::string ApiPath(Provider provider);  // of the list
Json ElementOf(Provider provider, const FakeProvider::Request& request, const std::string& site);
// Whether a list with this query has the request.
bool IsListed(Provider provider, const std::map<std::string, std::string>& query,
              const FakeProvider::Request& request);
// What a body that creates one says.
FakeProvider::Request CreatedBy(Provider provider, const Json& body);
// The value of the Authorization header for the token.
std::string AuthorizationFor(Provider provider, const std::string& token);

}  // namespace gitops

#endif  // GITOPS_SERVICES_PROMOTION_RECEIVER_TESTING_PROVIDER_JSON_H_
