// What ParseFluxEvent, and the rules about what it returns, promise for any body.

#include <cstddef>
#include <cstdint>
#include <cstdlib>

#include "common/rpc/error.h"
#include "services/promotion_receiver/event/event_rules.h"
#include "services/promotion_receiver/event/flux_event.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const absl::string_view body(reinterpret_cast<const char*>(data), size);
  const auto event = gitops::ParseFluxEvent(body);
  if (!event.ok()) {
    if (!gitops::HasReason(event.status(), gitops::Reason::kEventMalformed)) std::abort();
    return 0;
  }
  if (gitops::RevisionOf(*event).size() > 1000) std::abort();
  // It is stored: a text that is no UTF-8 could not be read again.
  const gitops::record::v1::PromotionEvent record = gitops::ToRecord(*event, "192.0.2.7");
  gitops::record::v1::PromotionEvent read;
  if (!read.ParseFromString(record.SerializeAsString())) std::abort();
  (void)gitops::WhyIgnored(*event, {});
  return 0;
}
