#ifndef GITOPS_CTL_CLIENT_IDENTITY_H_
#define GITOPS_CTL_CLIENT_IDENTITY_H_

#include <string>

namespace gitops::ctl {

// "alice@laptop": who runs this program, and where. Told to agents, which keep it with changes; it
// proves nothing. Printable ASCII only, as gRPC metadata must be.
std::string UserAtHost();

// `text` with everything that is not printable ASCII replaced by '?'.
std::string PrintableAscii(std::string text);

}  // namespace gitops::ctl

#endif  // GITOPS_CTL_CLIENT_IDENTITY_H_
