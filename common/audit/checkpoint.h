#ifndef GITOPS_COMMON_AUDIT_CHECKPOINT_H_
#define GITOPS_COMMON_AUDIT_CHECKPOINT_H_

#include <cstdint>
#include <string>

#include "absl/status/status.h"
#include "absl/time/time.h"
#include "gitops/record/v1/audit.pb.h"
#include "gitops/v1/audit.pb.h"

namespace gitops {

// What stands for entries that were removed by age or size: the number and hash of the last one,
// signed with the key of the program's --tls-dir. So that whoever can write the file, but has not
// the key, cannot remove entries and claim that they were too old.

// `number` and `hash` as of the last entry that is removed. Without a usable key in `tls_dir` (may
// be empty) it is not signed, and says why.
record::v1::AuditCheckpoint MakeCheckpoint(const std::string& chain, int64_t number,
                                           const std::string& hash, const std::string& tls_dir,
                                           absl::Time now);

// Who signed it, or why nobody, is put into `shown`. INVALID_ARGUMENT: the signature is wrong, or
// it is missing though `tls_dir` has had a key all the time: since the certificate in use is older
// than the checkpoint.
absl::Status CheckCheckpoint(const std::string& chain, const record::v1::AuditCheckpoint& stored,
                             const std::string& tls_dir, absl::Time now,
                             v1::AuditCheckpoint& shown);

}  // namespace gitops

#endif  // GITOPS_COMMON_AUDIT_CHECKPOINT_H_
