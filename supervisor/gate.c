#include "gate.h"
#include <stdio.h>
const char *gate_verdict_name(enum gate_verdict v){ static const char*const n[]={"passed","breached","not enough evidence"}; return n[v]; }
void gate_sample_since(const struct gate_sample *a,const struct gate_sample *b,struct gate_sample *r){ r->requests=a->requests-b->requests; r->errors=a->errors-b->errors; for(int i=0;i<GATE_BUCKETS;i++) r->latency[i]=a->latency[i]-b->latency[i]; }
enum gate_verdict gate_judge(const struct gate_limits *l,const struct gate_sample *f,const struct gate_sample *o,const uint64_t b[static GATE_BUCKETS],char reason[static GATE_REASON_MAX]){ (void)o;(void)b; snprintf(reason,GATE_REASON_MAX,"%lu of %lu",(unsigned long)f->errors,(unsigned long)f->requests); if(f->requests<l->min_requests) return GATE_NOT_ENOUGH; return (double)f->errors/(double)f->requests>l->max_error_rate?GATE_BREACHED:GATE_PASSED; }
