import { serve } from "../_shared/serve.ts";
import { NAME, normalizeSignal } from "./handler.ts";

serve(NAME, normalizeSignal);
