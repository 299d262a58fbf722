#ifndef GITOPS_CTL_COMMANDS_CA_COMMANDS_H_
#define GITOPS_CTL_COMMANDS_CA_COMMANDS_H_

#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "common/tls/issued.h"
#include "ctl/cli/invocation.h"
#include "ctl/console.h"
#include "ctl/exit_code.h"
#include "ctl/output/renderer.h"

namespace gitops::ctl {

// Commands of a certificate authority in a directory. They call no server.

struct AuthorityContext {
  const Invocation& invocation;
  const RenderOptions& options;
  Console& console;
};

using AuthorityCommand = absl::StatusOr<ExitCode> (*)(const AuthorityContext& context);

absl::StatusOr<ExitCode> InitAuthority(const AuthorityContext& context);
absl::StatusOr<ExitCode> IssueCertificate(const AuthorityContext& context);
absl::StatusOr<ExitCode> RenewCertificate(const AuthorityContext& context);
absl::StatusOr<ExitCode> ListCertificates(const AuthorityContext& context);
absl::StatusOr<ExitCode> RevokeCertificates(const AuthorityContext& context);
absl::StatusOr<ExitCode> AddIssuer(const AuthorityContext& context);
absl::StatusOr<ExitCode> RetireRoot(const AuthorityContext& context);
// As root, it goes on as the owner of the directory.
absl::StatusOr<ExitCode> MakeJoinTokens(const AuthorityContext& context);

// In the form of the options. INVALID_ARGUMENT: an unknown column.
absl::StatusOr<std::string> CertificatesText(const std::vector<IssuedCertificate>& certificates,
                                             const RenderOptions& options);
// One: `sentence` in forms for people. With a newline.
std::string CertificateText(const IssuedCertificate& certificate, const RenderOptions& options,
                            const std::string& sentence);

}  // namespace gitops::ctl

#endif  // GITOPS_CTL_COMMANDS_CA_COMMANDS_H_
