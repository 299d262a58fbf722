#ifndef GITOPS_COMMON_AUDIT_AUDIT_SINK_H_
#define GITOPS_COMMON_AUDIT_AUDIT_SINK_H_

#include <memory>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "gitops/v1/audit.pb.h"

namespace gitops {

// Where an audit is sent as well: --audit-to. One thread at a time.
class AuditSink {
 public:
  virtual ~AuditSink() = default;
  // UNAVAILABLE: it cannot be written now; the message says where and why. Then nothing was
  // written, or a part that the next call completes or repeats.
  virtual absl::Status Send(const v1::AuditEntry& entry) = 0;
};

// INVALID_ARGUMENT: `to` is not one of these forms:
//   file:PATH           a line of JSON for each entry; a file that was renamed or removed is
//   created
//                       again with mode 0600, so that it can be rotated
//   syslog              RFC 5424 to /dev/log, facility authpriv, with the JSON as message
//   syslog:PATH         the same to another unix datagram socket
absl::Status CheckAuditSink(const std::string& to);

// `program` as in the syslog: "gitops-agent". Opens nothing yet.
absl::StatusOr<std::unique_ptr<AuditSink>> MakeAuditSink(const std::string& to,
                                                         const std::string& program);

}  // namespace gitops

#endif  // GITOPS_COMMON_AUDIT_AUDIT_SINK_H_
