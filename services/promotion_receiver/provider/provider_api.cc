#include "services/promotion_receiver/provider/provider_api.h"

#include <cstdint>

namespace gitops {

const ProviderApi& ApiOf(Provider provider) {
  switch (provider) {
    case Provider::kGithub:
      return GithubApi();
    case Provider::kGitlab:
      return GitlabApi();
    case Provider::kBitbucketServer:
      return BitbucketServerApi();
    case Provider::kAzureDevops:
      return AzureDevopsApi();
    case Provider::kGitea:
      break;
  }
  return GiteaApi();
}

std::string TextAt(const Json& json, const std::vector<std::string>& path) {
  const Json* at = &json;
  for (const std::string& member : path) {
    if (!at->is_object()) return "";
    const auto found = at->find(member);
    if (found == at->end()) return "";
    at = &*found;
  }
  if (at->is_string()) return at->get<std::string>();
  return at->is_number_integer() ? std::to_string(at->get<int64_t>()) : "";
}

}  // namespace gitops
