#ifndef GITOPS_GATEWAY_FRONT_PROXIES_H_
#define GITOPS_GATEWAY_FRONT_PROXIES_H_

#include <memory>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "common/http/message.h"

namespace gitops {

// The proxies whose X-Forwarded-For is believed. A copy is cheap; thread-safe.
class TrustedProxies {
 public:
  TrustedProxies() = default;  // none
  // Each is an address or a network: "10.0.0.1", "fd00::/8". INVALID_ARGUMENT names a bad one.
  static absl::StatusOr<TrustedProxies> Parse(const std::vector<std::string>& networks);

  // The address of the client: the connection's; or, if that is a trusted proxy, the last address
  // of X-Forwarded-For that is not one. An entry that is no address ends the search, since whoever
  // sent it also sent what stands before it. Empty for a unix socket without the header.
  std::string ClientAddress(const HttpServerRequest& request) const;

 private:
  struct Networks;
  bool Contains(absl::string_view address) const;

  std::shared_ptr<const Networks> networks_;
};

// Whether a literal address is of this machine.
bool IsLoopbackAddress(absl::string_view address);

}  // namespace gitops

#endif  // GITOPS_GATEWAY_FRONT_PROXIES_H_
