#ifndef GITOPS_COMMON_STORE_CONVERT_H_
#define GITOPS_COMMON_STORE_CONVERT_H_

#include "google/protobuf/message.h"

// Between the messages of the API and those that are stored (proto/gitops/record), so that the API
// can change without a migration of what is stored.
namespace gitops {

// Copies every field of `from` to the field of `to` that has the same JSON name; a stored field
// whose API field was renamed says so with its json_name. Numbers and texts must be of the same
// type. Enums are converted by number. A text and an enum are converted by name: "dry-activate" is
// STEP_KIND_DRY_ACTIVATE; an unknown text becomes the enum's zero. Other fields, and fields that
// only one of the messages has, are left out: a test must show that nothing is (convert_testing.h).
void Convert(const google::protobuf::Message& from, google::protobuf::Message& to);

template <typename To>
To Converted(const google::protobuf::Message& from) {
  To to;
  Convert(from, to);
  return to;
}

// Of a whole list; `to` is a RepeatedPtrField.
template <typename From, typename To>
void ConvertAll(const From& from, To& to) {
  to.Clear();
  to.Reserve(static_cast<int>(from.size()));
  for (const auto& each : from) Convert(each, *to.Add());
}

}  // namespace gitops

#endif  // GITOPS_COMMON_STORE_CONVERT_H_
