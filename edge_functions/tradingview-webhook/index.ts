import { serve } from "../_shared/serve.ts";
import { NAME, takeAlert } from "./handler.ts";

serve(NAME, takeAlert);
