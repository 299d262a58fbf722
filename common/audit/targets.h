#ifndef GITOPS_COMMON_AUDIT_TARGETS_H_
#define GITOPS_COMMON_AUDIT_TARGETS_H_

#include <google/protobuf/message.h>
#include <google/protobuf/repeated_field.h>

#include "gitops/record/v1/audit.pb.h"

namespace gitops {

// What a request asks for, for people: the fields that are set, by their path ("selection.on"),
// with their values as text. Fields of bytes, and those with gitops.v1.unrecorded, are left out, as
// are contents. At most 20 fields, of 200 bytes each; a last one says how many were left out.
google::protobuf::RepeatedPtrField<record::v1::AuditTarget> TargetsOf(
    const google::protobuf::Message& request);

}  // namespace gitops

#endif  // GITOPS_COMMON_AUDIT_TARGETS_H_
