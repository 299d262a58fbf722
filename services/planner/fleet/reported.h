#ifndef GITOPS_SERVICES_PLANNER_FLEET_REPORTED_H_
#define GITOPS_SERVICES_PLANNER_FLEET_REPORTED_H_

#include <google/protobuf/repeated_field.h>

#include <cstddef>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "common/rpc/principal.h"
#include "gitops/v1/report.pb.h"
#include "gitops/v1/types.pb.h"

namespace gitops {

// Sanitizes the reports of agents, which are trusted less than the planner, before they are kept
// and shown. Plain functions. (Parsing a message ensures that its text is UTF-8.)

// INVALID_ARGUMENT: no name, more than 64 or 4 KiB of them, or an invalid host name.
absl::Status CheckNames(const v1::Hello& hello);

// Without control characters other than the line's end and the tab, and cut to `most` bytes.
std::string CleanText(absl::string_view text, size_t most);

// Without the fields that only GetService or the planner sets, and with clean texts. None: no valid
// name.
std::optional<v1::Service> CleanService(const v1::Service& service);

v1::ConfigStatus CleanConfig(const v1::ConfigStatus& config);

// A service as bytes, without its name and host. A parsed message takes several times the memory.
struct PackedService {
  std::string bytes;
  bool degraded = false;
  bool behind = false;

  bool operator==(const PackedService&) const = default;
};
using PackedServices = std::map<std::string, PackedService>;  // by name

PackedService Pack(v1::Service service);
// The bytes that they take in a ReportedServices.
size_t PackedBytes(const PackedServices& services);

// A TipVerified, with its texts cleaned as those of services are.
struct VerifiedTip {
  std::string upstream, user, branch, hash;
  std::set<std::string> except;
  std::optional<v1::Commit> commit;
};
VerifiedTip CleanTip(const v1::TipVerified& tip);

// The services that one host reported. A value: copies share one buffer, which never changes.
class ReportedServices {
 public:
  // These without `removed`, and with `put`, which replaces services of the same name. Takes time
  // in proportion to both.
  ReportedServices With(const PackedServices& put, const std::set<std::string>& removed) const;

  // These after the tip of a branch moved: see v1::TipVerified.
  ReportedServices AtTip(const VerifiedTip& tip) const;

  // By name, with `host` as their host.
  std::vector<v1::Service> List(const std::string& host) const;
  bool Has(absl::string_view service) const;
  int size() const { return size_; }
  int degraded() const { return degraded_; }
  int behind() const { return behind_; }
  size_t bytes() const { return packed_ == nullptr ? 0 : packed_->size(); }

  bool operator==(const ReportedServices& other) const;

 private:
  std::shared_ptr<const std::string> packed_;  // sorted by name; null: none
  int size_ = 0;
  int degraded_ = 0;
  int behind_ = 0;
};

// The valid ones of `services`, cleaned, by host (in lower case).
using ServicesByHost = std::map<std::string, PackedServices>;
ServicesByHost CleanServices(const google::protobuf::RepeatedPtrField<v1::Service>& services);

// The address to dial for an agent that reported the address `reported` on a stream from `peer`
// ("ipv4:10.0.0.7:41234", "ipv6:%5B::1%5D:41234", "unix:"). An address that is only reachable on
// the agent's own machine is used only if the stream comes from this machine; otherwise the planner
// would reach the agent of its own machine. Empty: cannot be dialled.
std::string DialAddress(absl::string_view reported, absl::string_view peer);

// Who may report for which hosts.

// Returns those of a host's names for which this caller may report: all of them, unless a
// certificate proves who calls. Then it must be the certificate of an agent, and only its own name
// counts. PERMISSION_DENIED: none of them.
absl::StatusOr<std::vector<std::string>> ReportableNames(const Principal& caller,
                                                         const std::vector<std::string>& names);

// Whether `newer` may take over a host from the live stream of `older`. A caller with a certificate
// may take over from itself and from callers without one. A caller without a certificate may never
// take over from one with a certificate. Between two callers without certificates, the address must
// be the same, or both streams must come from the same run of an agent whose address changed.
bool MayTakeOver(const Principal& older, const Principal& newer, bool same_run);

}  // namespace gitops

#endif  // GITOPS_SERVICES_PLANNER_FLEET_REPORTED_H_
